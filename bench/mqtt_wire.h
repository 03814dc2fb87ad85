/* Just enough MQTT framing (3.1.1, and 5 without properties of our own) to load a broker. */
#ifndef BENCH_MQTT_WIRE_H
#define BENCH_MQTT_WIRE_H

#include "support.h"

enum {
    CONNACK = 2, PUBLISH = 3, PUBACK = 4, PUBREC = 5, PUBREL = 6, PUBCOMP = 7, SUBACK = 9,
    PINGRESP = 13, DISCONNECT = 14,
};

static inline uint8_t *put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static inline uint8_t *put_string(uint8_t *at, const char *text, size_t length)
{
    at = put_u16(at, (unsigned)length);
    memcpy(at, text, length);
    return at + length;
}

static inline uint8_t *put_length(uint8_t *at, size_t length)
{
    do {
        *at++ = (uint8_t)((length & 127) | (length > 127 ? 128 : 0));
        length >>= 7;
    } while (length);
    return at;
}

/* Reads a variable byte integer. Returns the bytes it took, 0 when more are needed, -1 when bad. */
static inline int get_length(const uint8_t *at, size_t available, size_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        if ((size_t)i >= available)
            return 0;
        *value |= (size_t)(at[i] & 127) << (7 * i);
        if (!(at[i] & 128))
            return i + 1;
    }
    return -1;
}

static inline unsigned get_u16(const uint8_t *at) { return (unsigned)at[0] << 8 | at[1]; }

/* Without a user name there is no password either. */
#define CLEAN_SESSION 0x02

static inline void add_connect(buffer *out, int version, uint8_t flags, unsigned keepalive_s, const char *clientid,
                               const char *username, const char *password)
{
    size_t id = strlen(clientid), rest = 10 + (version == 5) + 2 + id;
    size_t name = username ? strlen(username) : 0, word = username ? strlen(password) : 0;
    if (username)
        rest += 4 + name + word;
    uint8_t *start = buffer_reserve(out, rest + 5), *at = start;
    *at++ = 0x10;
    at = put_length(at, rest);
    at = put_string(at, "MQTT", 4);
    *at++ = (uint8_t)version;
    *at++ = username ? flags | 0xc0 : flags;
    at = put_u16(at, keepalive_s);
    if (version == 5)
        *at++ = 0;
    at = put_string(at, clientid, id);
    if (username) {
        at = put_string(at, username, name);
        at = put_string(at, password, word);
    }
    out->length += (size_t)(at - start);
}

static inline void add_disconnect(buffer *out) { buffer_add(out, "\xe0", 2); }

static inline void add_subscribe(buffer *out, int version, unsigned packet_id, const char *filter, int qos)
{
    size_t length = strlen(filter), rest = 2 + (version == 5) + 2 + length + 1;
    uint8_t *start = buffer_reserve(out, rest + 5), *at = start;
    *at++ = 0x82;
    at = put_length(at, rest);
    at = put_u16(at, packet_id);
    if (version == 5)
        *at++ = 0;
    at = put_string(at, filter, length);
    *at++ = (uint8_t)qos;
    out->length += (size_t)(at - start);
}

/* Appends a PUBLISH and returns where its payload goes: exactly `size` bytes, for the caller to fill. */
static inline uint8_t *add_publish(buffer *out, int version, const char *topic, int qos,
                                   unsigned packet_id, size_t size)
{
    size_t length = strlen(topic), rest = 2 + length + (qos ? 2 : 0) + (version == 5) + size;
    uint8_t *start = buffer_reserve(out, rest + 5), *at = start;
    *at++ = (uint8_t)(0x30 | qos << 1);
    at = put_length(at, rest);
    at = put_string(at, topic, length);
    if (qos)
        at = put_u16(at, packet_id);
    if (version == 5)
        *at++ = 0;
    out->length += (size_t)(at - start) + size;
    return at;
}

static inline void add_ack(buffer *out, int type, unsigned packet_id)
{
    uint8_t *at = buffer_reserve(out, 4);
    at[0] = (uint8_t)(type << 4 | (type == PUBREL ? 2 : 0));
    at[1] = 2;
    put_u16(at + 2, packet_id);
    out->length += 4;
}

#endif
