/* Captures and images: counted references, as the SDK has them. */
#include "stand_in.h"

void k4a_image_release(void *handle) {
    image *i = handle;
    if (__atomic_sub_fetch(&i->references, 1, __ATOMIC_SEQ_CST) == 0) {
        free(i->buffer);
        free(i);
        count_outstanding(-1);
    }
}

void k4a_capture_release(void *handle) {
    capture *c = handle;
    image *images[] = {c->color, c->depth, c->ir};
    for (int k = 0; k < 3; k++)
        if (images[k])
            k4a_image_release(images[k]);
    free(c);
    count_outstanding(-1);
}

static void *referenced(image *i) {
    if (i)
        __atomic_add_fetch(&i->references, 1, __ATOMIC_SEQ_CST);
    return i;
}

float k4a_capture_get_temperature_c(void *handle) { return ((capture *)handle)->temperature; }
void *k4a_capture_get_color_image(void *handle) { return referenced(((capture *)handle)->color); }
void *k4a_capture_get_depth_image(void *handle) { return referenced(((capture *)handle)->depth); }
void *k4a_capture_get_ir_image(void *handle) { return referenced(((capture *)handle)->ir); }
uint8_t *k4a_image_get_buffer(void *handle) { return ((image *)handle)->buffer; }
size_t k4a_image_get_size(void *handle) { return ((image *)handle)->size; }
int k4a_image_get_width_pixels(void *handle) { return ((image *)handle)->width; }
int k4a_image_get_height_pixels(void *handle) { return ((image *)handle)->height; }
int k4a_image_get_stride_bytes(void *handle) { return ((image *)handle)->stride; }
uint64_t k4a_image_get_device_timestamp_usec(void *handle) { return ((image *)handle)->device_us; }
uint64_t k4a_image_get_system_timestamp_nsec(void *handle) { return ((image *)handle)->system_ns; }
uint64_t k4a_image_get_exposure_usec(void *handle) { return ((image *)handle)->exposure_us; }
