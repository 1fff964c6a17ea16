# hsm/module.mk
