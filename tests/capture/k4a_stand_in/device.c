/* Opening, controls, start and stop; the rules that the SDK checks. */
#include "stand_in.h"

static const int RATES[] = {5, 15, 30};

int64_t period_us(const device *d) { return 1000000 / RATES[d->config.camera_fps]; }

uint32_t k4a_device_get_installed_count(void) {
    uint32_t count = 0;
    for (int k = 0; k < device_count; k++)
        count += !fault(&devices[k], "unplugged", 0);
    if (!count)
        say(LEVEL_ERROR, "usb_cmd_get_device_count(). No devices found");
    return count;
}

device *at_place(uint32_t index) {
    for (int k = 0; k < device_count; k++)
        if (!fault(&devices[k], "unplugged", 0) && index-- == 0)
            return &devices[k];
    return NULL;
}

static int trace(int result, const char *call) {
    if (result)
        say(LEVEL_ERROR, "%s returned failure in k4a_device()", call);
    return result;
}

int k4a_device_open(uint32_t index, void **handle) {
    device *d = at_place(index);
    *handle = NULL;
    if (!d || d->open || fault(d, "busy", 0)) {
        say(LEVEL_CRITICAL, "find_libusb_device(). libusb device(s) are all unavalable.");
        return trace(1, "depthmcu_create(index)");
    }
    d->open = true;
    note("open %s", d->serial);
    *handle = d;
    return 0;
}

void k4a_device_close(void *handle) {
    device *d = handle;
    note("close %s", d->serial);
    d->open = d->cameras = d->imu = false;
}

static int copy_out(const char *text, size_t length, char *target, size_t *size) {
    size_t given = *size;
    *size = length;
    if (!target || given < length)
        return 2;
    memcpy(target, text, length);
    return 0;
}

int k4a_device_get_serialnum(void *handle, char *target, size_t *size) {
    device *d = handle;
    return copy_out(d->serial, strlen(d->serial) + 1, target, size);
}

int k4a_device_get_raw_calibration(void *handle, char *target, size_t *size) {
    device *d = handle;
    if (fault(d, "calibration_fails", 0)) {
        say(LEVEL_ERROR, "depthmcu_get_cal(). Calibration data crc mismatch");
        *size = 0;
        return trace(1, "calibration_get_raw_data()");
    }
    return copy_out(d->calibration, strlen(d->calibration) + 1, target, size);
}

int k4a_device_get_version(void *handle, hardware_version *v) {
    memset(v, 0, sizeof *v);
    v->rgb = (version){1, 6, (uint32_t)fault(handle, "firmware", 110)};
    v->depth = (version){1, 6, 79};
    v->firmware_signature = (int)fault(handle, "unsigned", 0);
    return 0;
}

int k4a_device_get_sync_jack(void *handle, bool *in, bool *out) {
    *in = fault(handle, "cable_in", 0);
    *out = fault(handle, "cable_out", 0);
    return 0;
}

int k4a_device_set_color_control(void *handle, int command, int mode, int32_t value) {
    device *d = handle;
    note("control %s %d %d %d", d->serial, command, mode, value);
    if (fault(d, "control_fails", -1) == command) {
        say(LEVEL_ERROR, "SetCameraControl(). Failed to set control: Input/output error");
        return trace(1, "color_set_control()");
    }
    static const int32_t steps[] = {500, 1250, 2500, 10000, 20000, 30000};
    static const int32_t steps_60[] = {500, 1250, 2500, 8330, 16670, 33330};
    const int32_t *table = d->controls[9] == 2 ? steps_60 : steps;
    if (command == 0 && mode == 1) {
        int k = 0;
        while (k < 5 && value > table[k])
            k++;
        value = (int32_t)fault(d, "exposure", table[k]);
    }
    d->controls[command] = value;
    d->modes[command] = mode;
    return 0;
}

int k4a_device_get_color_control(void *handle, int command, int *mode, int32_t *value) {
    *mode = ((device *)handle)->modes[command];
    *value = ((device *)handle)->controls[command];
    return 0;
}

bool refuses(device *d, const configuration *c) {
    if (c->wired_sync_mode == SUBORDINATE && !fault(d, "cable_in", 0))
        say(LEVEL_ERROR, "validate_configuration(). Failure to detect presence of sync in cable.");
    else if (c->wired_sync_mode == MASTER && !fault(d, "cable_out", 0))
        say(LEVEL_ERROR, "validate_configuration(). Failure to detect presence of sync out cable.");
    else if (c->wired_sync_mode == MASTER && c->color_resolution == OFF)
        say(LEVEL_ERROR, "validate_configuration(). The master needs its color camera.");
    else if (c->wired_sync_mode != SUBORDINATE && c->subordinate_delay_off_master_usec)
        say(LEVEL_ERROR, "validate_configuration(). Only a subordinate has a delay.");
    else if (abs(c->depth_delay_off_color_usec) > 1000000 / RATES[c->camera_fps])
        say(LEVEL_ERROR, "validate_configuration(). The depth delay exceeds a frame.");
    else if (d->cameras || d->imu)
        say(LEVEL_ERROR, "k4a_device_start_cameras(). called while one of the sensors is running");
    else if (fault(d, "no_display", 0))
        say_from_another_thread(LEVEL_ERROR, "depth_engine_thread(). Depth engine create and initialize failed "
                                             "with error code: 204.");
    else
        return false;
    return true;
}

int k4a_device_start_cameras(void *handle, const configuration *c) {
    device *d = handle;
    note("start %s", d->serial);
    if (refuses(d, c))
        return trace(1, "validate_configuration(device, config)");
    d->config = *c;
    d->next = d->next_imu = 0;
    d->first_pulse_ns = c->wired_sync_mode == SUBORDINATE ? 0 : now_ns();
    d->cameras = true;
    return 0;
}

void k4a_device_stop_cameras(void *handle) {
    device *d = handle;
    note("stop %s", d->serial);
    d->cameras = false;
    if (fault(d, "stall_once", 0)) { /* a device that runs again after it was opened again */
        set_fault(d, "stall_at", INT64_MAX);
        set_fault(d, "lose_at", INT64_MAX);
    }
}

int k4a_device_start_imu(void *handle) {
    device *d = handle;
    note("imu %s", d->serial);
    if (!d->cameras || fault(d, "imu_fails", 0)) {
        say(LEVEL_ERROR, "k4a_device_start_imu(). called while the color/depth camera is not running");
        return trace(1, "imu_start()");
    }
    d->imu = true;
    return 0;
}

void k4a_device_stop_imu(void *handle) {
    note("stop_imu %s", ((device *)handle)->serial);
    ((device *)handle)->imu = false;
}
