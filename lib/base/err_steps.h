/* err_steps.h - which errors belong to which steps of a connection. */
#pragma once

#include "lib/base/err.h"
#include "lib/base/step.h"

/** At which steps of a connection (bit 1 << enum hl_step) messages and traces may tell of `err`; 0: never on one. */
unsigned hl_err_steps(hl_err err);
