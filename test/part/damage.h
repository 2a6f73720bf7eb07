/* damage.h: reading everything that a part offers, as the most curious caller would. */
#pragma once

#include "part/part.h"

/* Returns something that depends on all of it, so that nothing is optimised away. */
uint64_t damage_read_all(const struct part *p);
