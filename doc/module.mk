# doc/module.mk
