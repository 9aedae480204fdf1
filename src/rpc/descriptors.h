/* descriptors.h - google.protobuf.FileDescriptorSet of proto/, made by the build. */
#ifndef RPC_DESCRIPTORS_H
#define RPC_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t rpc_descriptors[];
extern const size_t rpc_descriptors_size;

#endif
