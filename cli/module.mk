# cli/module.mk
