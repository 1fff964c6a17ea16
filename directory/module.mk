# directory/module.mk
