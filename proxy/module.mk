# proxy/module.mk
