/* `relive._core`, the one door between Python and the engine. In an interpreter other than the main
 * one it has other functions (interpreters.h). */
#ifndef MODULE_H
#define MODULE_H

#include "compat.h"

__attribute__((visibility("default"))) PyObject *PyInit__core(void);

#endif
