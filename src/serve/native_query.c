#include "serve/api_internal.h"

const struct api_table native_query_table = {NULL, 0};
