# client/module.mk
