/* version.h: the version that the session and the metrics name; private to src/routes. */
#pragma once

#define WEIR_VERSION "0.1.0"
