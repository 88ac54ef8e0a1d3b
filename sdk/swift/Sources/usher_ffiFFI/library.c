// What a C target needs to be one: the library itself is linked.
#include "usher_ffiFFI.h"
