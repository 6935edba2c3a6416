#include "CHeroLinux.h"
