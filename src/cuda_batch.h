/* Batches of tiles on one GPU: how large they are, the memory of those in work, and their way
 * through it. */
#ifndef NESSMAP_CUDA_BATCH_H
#define NESSMAP_CUDA_BATCH_H

#include "cuda_device.h"

enum { NM_CUDA_SLOTS = 3 }; /* batches in work: one computes, one is copied, one is journalled */

/* Sizes of the batches of a device. Nothing of it is seen in the results: tiles are those of the
 * plan, whatever the device. */
typedef struct nm_cuda_shape {
    int n_slots;          /* batches in work at once */
    int64_t n_tiles;      /* of a batch, at most */
    int64_t tile_points;  /* of a tile, at most */
    int64_t result_bytes; /* from the results of one tile to those of the next on the device */
    int64_t record_bytes; /* the same of the records of a reduced scan, else 0 */
    int64_t parts_per_tile, blocks_per_part;
    int64_t payload_bytes; /* from one tile to the next in what is copied to the host */
    int64_t budget_bytes;  /* of device memory for all slots together */
    int64_t host_bytes;    /* of page-locked memory that all slots together may take; 0: any */
} nm_cuda_shape;

/* Chooses the shape for a device from its free memory, [limits] and the work, which n_devices
 * share. returns NM_DEVICE with one sentence where not even one tile fits. */
nm_status nm_cuda_shape_fit(nm_cuda_shape *shape, const nm_cuda_device *device, int n_devices);

/* Makes the batches half as large, then their number smaller; returns 0 where nothing is left to
 * give up. */
int nm_cuda_shape_shrink(nm_cuda_shape *shape);

/* Device memory of all slots. [bytes] */
int64_t nm_cuda_shape_bytes(const nm_cuda_shape *shape, const nm_cuda_device *device);

/* A batch in work. */
typedef struct nm_cuda_slot {
    const nm_cuda_device *device;
    const nm_cuda_shape *shape;
    nm_cu_stream stream;
    nm_cu_event begun, computed, copied;
    nm_cu_pointer results, scratch, tiles, records, block_records; /* 0: not needed */
    char *host;      /* page-locked: payloads, then counts, then the list of tiles */
    int64_t *i_tile; /* [n_tiles] numbers of the tiles in the plan */
    int64_t n_tiles; /* of the batch in work */
} nm_cuda_slot;

/* returns NM_DEVICE; NM_MEMORY where device or page-locked memory is out: `what` says which. Then
 * there is nothing to close. */
nm_status nm_cuda_slot_open(nm_cuda_slot *slot, const nm_cuda_device *device,
                            const nm_cuda_shape *shape, const char **what);
void nm_cuda_slot_close(nm_cuda_slot *slot);

/* Queues the copy of the tile list, the kernels and the copy of the results for the n_tiles tiles
 * in slot->i_tile. returns NM_DEVICE. */
nm_status nm_cuda_slot_start(nm_cuda_slot *slot);

/* Waits for it. compute_s, copy_s: how long the device took. returns NM_DEVICE. */
nm_status nm_cuda_slot_wait(nm_cuda_slot *slot, double *compute_s, double *copy_s);

/* Payload of tile number k of the batch, after the wait; and its points that were followed. */
void *nm_cuda_slot_payload(const nm_cuda_slot *slot, int64_t k);
int64_t nm_cuda_slot_followed(const nm_cuda_slot *slot, int64_t k);

#endif
