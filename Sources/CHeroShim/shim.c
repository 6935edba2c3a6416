#include "CHeroShim.h"
