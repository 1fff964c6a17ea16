/* descriptors.h - what this process has open. */
#pragma once

/** How many descriptors. */
int descriptors(void);
