/* Virtual frames: paced by the pulse, drawn from a formula that the tests know. */
#include "stand_in.h"

static const int COLOR[][2] = {{0, 0}, {1280, 720}, {1920, 1080}, {2560, 1440}, {2048, 1536}, {3840, 2160}, {4096, 3072}};
static const int DEPTH[][2] = {{0, 0}, {320, 288}, {640, 576}, {512, 512}, {1024, 1024}, {1024, 1024}};
enum { FIRST_US = 66666, LATENCY_NS = 2000000, STEP_NS = 1000000, IMU_US = 4808, QUEUED = 8 };

static image *new_image(const device *d, int kind, int64_t index, int64_t delay_us, int width, int height) {
    image *made = calloc(1, sizeof *made);
    made->kind = kind;
    made->references = 1;
    made->width = within(d, "wrong_size_from", "wrong_size_to", index) && kind ? width / 2 : width;
    made->height = height;
    made->device_us = (uint64_t)(FIRST_US + index * period_us(d) + delay_us);
    if (index >= fault(d, "clock_back_at", INT64_MAX))
        made->device_us -= FIRST_US;
    made->system_ns = fault(d, "no_host_time", 0) ? 0 : (uint64_t)now_ns();
    made->exposure_us = (uint64_t)d->controls[0];
    count_outstanding(1);
    return made;
}

static image *color_image(device *d, int64_t index, int64_t delay_us) {
    const int *size = COLOR[d->config.color_resolution];
    image *made = new_image(d, 0, index, delay_us, size[0], size[1]);
    int k = (int)(index % d->picture_count);
    made->size = d->picture_sizes[k];
    made->buffer = malloc(made->size);
    memcpy(made->buffer, d->pictures[k], made->size);
    if (within(d, "bad_color_from", "bad_color_to", index))
        memset(made->buffer, 0, 2);
    return made;
}

static image *image16(device *d, int kind, int64_t index, int64_t delay_us) {
    const int *size = DEPTH[d->config.depth_mode];
    image *made = new_image(d, kind, index, delay_us, size[0], size[1]);
    int place = (int)(d - devices);
    made->stride = 2 * size[0] + (int)fault(d, "padding", 0);
    made->size = (size_t)made->stride * (size_t)size[1];
    made->buffer = calloc(1, made->size);
    unsigned noise = (unsigned)fault(d, "noise_bits", 0), seed = (unsigned)(index + 1);
    for (int y = 0; y < size[1]; y++) {
        uint16_t *row = (uint16_t *)(made->buffer + (size_t)y * (size_t)made->stride);
        for (int x = 0; x < size[0]; x++)
            row[x] = (uint16_t)(x % 7 == 0 ? 0 : 500 + x + 3 * y + 17 * (index % 50) + 101 * place + 1000 * (kind - 1));
        for (int x = 1; noise && x < size[0]; x++) {
            seed = seed * 1664525u + 1013904223u;
            row[x] = (uint16_t)(row[x] ? row[x] + (seed >> (32 - noise)) : 0);
        }
    }
    if (within(d, "bad_depth_from", "bad_depth_to", index) && kind == 1)
        made->size = 12;
    return made;
}

capture *make_capture(device *d, int64_t index) {
    const configuration *c = &d->config;
    int64_t color_us = c->subordinate_delay_off_master_usec, depth_us = color_us + c->depth_delay_off_color_usec;
    bool only_color = within(d, "only_color_from", "only_color_to", index);
    capture *made = calloc(1, sizeof *made);
    made->temperature = 31.5f;
    count_outstanding(1);
    if (c->color_resolution != OFF)
        made->color = color_image(d, index, color_us);
    if (c->depth_mode != OFF && !only_color) {
        made->ir = image16(d, 2, index, depth_us);
        if (c->depth_mode != PASSIVE_IR)
            made->depth = image16(d, 1, index, depth_us);
    }
    return made;
}

/* A subordinate's pulses are its master's, as long as both run. */
static void find_pulse(device *d) {
    if (d->first_pulse_ns)
        return;
    for (int k = 0; k < device_count; k++) {
        device *m = &devices[k];
        if (m->cameras && m->config.wired_sync_mode == MASTER && m->first_pulse_ns) {
            int64_t passed = (now_ns() - m->first_pulse_ns) / (1000 * period_us(m));
            d->first_pulse_ns = m->first_pulse_ns + passed * 1000 * period_us(m);
        }
    }
}

static int lost(device *d, const char *call) {
    set_fault(d, "unplugged", 1);
    say_from_another_thread(LEVEL_ERROR, "usb_cmd_libusb_cb(). LIBUSB transfer failed: LIBUSB_ERROR_NO_DEVICE");
    say(LEVEL_ERROR, "%s returned failure in k4a_device_get()", call);
    return 1;
}

int k4a_device_get_capture(void *handle, void **out, int32_t timeout_ms) {
    device *d = handle;
    int64_t until = now_ns() + (int64_t)timeout_ms * 1000000;
    *out = NULL;
    for (;;) {
        if (!d->cameras || d->next >= fault(d, "lose_at", INT64_MAX) || fault(d, "unplugged", 0))
            return lost(d, "capturesync_get_capture()");
        while (within(d, "drop_from", "drop_to", d->next))
            d->next++;
        find_pulse(d);
        int64_t due = d->first_pulse_ns + d->next * 1000 * period_us(d) + LATENCY_NS;
        bool stalled = d->next >= fault(d, "stall_at", INT64_MAX);
        if (d->first_pulse_ns && !stalled && now_ns() >= due) {
            int64_t late = (now_ns() - due) / (1000 * period_us(d));
            if (late > QUEUED) /* the SDK's queue of a quarter of a second: the oldest go */
                d->next += late - QUEUED;
            if (d->next == fault(d, "complain_at", -1))
                say_from_another_thread(LEVEL_ERROR, "replace_sample(). capturesync_drop, releasing capture early due "
                                                     "to full queue TS: 1234 type:Color");
            *out = make_capture(d, d->next++);
            return 0;
        }
        if (now_ns() >= until)
            return 2;
        pause_ns(STEP_NS);
    }
}

int k4a_device_get_imu_sample(void *handle, imu_sample *s, int32_t timeout_ms) {
    device *d = handle;
    int64_t until = now_ns() + (int64_t)timeout_ms * 1000000;
    int64_t begin = now_ns();
    for (;;) {
        if (!d->imu || fault(d, "unplugged", 0)) {
            say(LEVEL_ERROR, "imu_get_sample() returned failure in k4a_device_get_imu_sample()");
            return 1;
        }
        if (now_ns() >= begin + IMU_US * 1000) {
            uint64_t at = (uint64_t)(FIRST_US + IMU_US * d->next_imu++);
            *s = (imu_sample){30.0f, {0.5f, 1.0f, -9.75f}, at, {0.0f, 0.25f, 0.0f}, at + 10};
            return 0;
        }
        if (now_ns() >= until)
            return 2;
        pause_ns(STEP_NS);
    }
}
