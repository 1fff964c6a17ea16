# scenarios/module.mk
