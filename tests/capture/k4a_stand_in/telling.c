/* What a test tells the stand-in, and what the stand-in says. */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "stand_in.h"

device devices[MAX_DEVICES];
int device_count;
pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static message_callback *callback;
static void *callback_context;
static int callback_level;
static char calls[1 << 16];
static int outstanding;

int k4a_set_debug_message_handler(message_callback *handler, void *context, int level) {
    callback = handler;
    callback_context = context;
    callback_level = level;
    return 0;
}

int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void pause_ns(int64_t ns) {
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    nanosleep(&t, NULL);
}

void say(int level, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (callback && level <= callback_level)
        callback(callback_context, level, "stand_in.c", 1, text);
    else if (!callback) /* as the SDK: what nobody collects goes to the terminal */
        fprintf(stdout, "%s\n", text);
}

static void *say_thread(void *message) {
    say(LEVEL_ERROR, "%s", (const char *)message);
    return NULL;
}

void say_from_another_thread(int level, const char *message) {
    pthread_t thread;
    (void)level;
    pthread_create(&thread, NULL, say_thread, (void *)message);
    pthread_join(thread, NULL);
}

void note(const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    size_t used = strlen(calls);
    if (used + strlen(text) + 2 < sizeof calls)
        sprintf(calls + used, "%s;", text);
    pthread_mutex_unlock(&lock);
}

void count_outstanding(int change) { __atomic_add_fetch(&outstanding, change, __ATOMIC_SEQ_CST); }

int stand_in_outstanding(void) { return outstanding; }

const char *stand_in_calls(void) { return calls; }

void stand_in_reset(void) {
    for (int k = 0; k < device_count; k++) {
        free(devices[k].calibration);
        for (int p = 0; p < devices[k].picture_count; p++)
            free(devices[k].pictures[p]);
    }
    memset(devices, 0, sizeof devices);
    device_count = 0;
    calls[0] = 0;
    outstanding = 0;
}

int stand_in_add(const char *serial, const char *calibration) {
    device *d = &devices[device_count];
    snprintf(d->serial, sizeof d->serial, "%s", serial);
    d->calibration = strdup(calibration);
    return device_count++;
}

void stand_in_picture(int index, const uint8_t *data, size_t size) {
    device *d = &devices[index];
    d->pictures[d->picture_count] = malloc(size);
    memcpy(d->pictures[d->picture_count], data, size);
    d->picture_sizes[d->picture_count++] = size;
}

void set_fault(device *d, const char *key, int64_t value) {
    for (int k = 0; k < d->fault_count; k++)
        if (!strcmp(d->faults[k].key, key)) {
            d->faults[k].value = value;
            return;
        }
    snprintf(d->faults[d->fault_count].key, sizeof d->faults[0].key, "%s", key);
    d->faults[d->fault_count++].value = value;
}

void stand_in_set(int index, const char *key, int64_t value) { set_fault(&devices[index], key, value); }

int64_t fault(const device *d, const char *key, int64_t otherwise) {
    for (int k = 0; k < d->fault_count; k++)
        if (!strcmp(d->faults[k].key, key))
            return d->faults[k].value;
    return otherwise;
}

bool within(const device *d, const char *from, const char *to, int64_t index) {
    return index >= fault(d, from, INT64_MAX) && index < fault(d, to, INT64_MAX);
}
