/* A stand-in for the Azure Kinect SDK's C interface: virtual devices that a test tells how to behave. */
#ifndef STAND_IN_H
#define STAND_IN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEVICES = 12, MAX_PICTURES = 8, MAX_FAULTS = 40 };
enum { LEVEL_CRITICAL, LEVEL_ERROR, LEVEL_WARNING };
enum { OFF = 0, PASSIVE_IR = 5 };
enum { STANDALONE, MASTER, SUBORDINATE };

typedef void(message_callback)(void *context, int level, const char *file, int line, const char *message);

/* The layouts of k4atypes.h. */
typedef struct {
    int color_format, color_resolution, depth_mode, camera_fps;
    bool synchronized_images_only;
    int32_t depth_delay_off_color_usec;
    int wired_sync_mode;
    uint32_t subordinate_delay_off_master_usec;
    bool disable_streaming_indicator;
} configuration;

typedef struct {
    uint32_t major, minor, iteration;
} version;

typedef struct {
    version rgb, depth, audio, depth_sensor;
    int firmware_build, firmware_signature;
} hardware_version;

typedef struct {
    float temperature, acc[3];
    uint64_t acc_us;
    float gyro[3];
    uint64_t gyro_us;
} imu_sample;

typedef struct {
    int kind, width, height, stride, references;
    uint8_t *buffer;
    size_t size;
    uint64_t device_us, system_ns, exposure_us;
} image;

typedef struct {
    image *color, *depth, *ir;
    float temperature;
} capture;

typedef struct {
    bool open, cameras, imu;
    char serial[32], *calibration;
    uint8_t *pictures[MAX_PICTURES];
    size_t picture_sizes[MAX_PICTURES];
    int picture_count;
    struct {
        char key[32];
        int64_t value;
    } faults[MAX_FAULTS];
    int fault_count;
    configuration config;
    int32_t controls[10];
    int modes[10];
    int64_t first_pulse_ns; /* 0: no pulse yet */
    int64_t next, next_imu;
} device;

extern device devices[MAX_DEVICES];
extern int device_count;
extern pthread_mutex_t lock;

int64_t now_ns(void);
void pause_ns(int64_t ns);
void say(int level, const char *format, ...);
void say_from_another_thread(int level, const char *message);
void note(const char *format, ...);
int64_t fault(const device *d, const char *key, int64_t otherwise);
void set_fault(device *d, const char *key, int64_t value);
bool within(const device *d, const char *from, const char *to, int64_t index);
device *at_place(uint32_t index);
int64_t period_us(const device *d);
bool refuses(device *d, const configuration *config);
capture *make_capture(device *d, int64_t index);
void count_outstanding(int change);

#endif
