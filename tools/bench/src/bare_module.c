/*
 * A module that does what any module has to do that holds a request, sets a header from its body and has
 * Envoy choose the route again, and nothing else: it makes the calls that our `extract` makes, of Envoy 1.40
 * and later, and looks at no byte. What it costs is Envoy's part of what ours costs.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char* pointer;
  size_t length;
} text;

#define TEXT(literal) ((text){literal, sizeof(literal) - 1})
#define CALLBACK(name) envoy_dynamic_module_callback_##name
#define HOOK(name) envoy_dynamic_module_on_http_filter_##name

enum { REQUEST_HEADERS = 0 };
enum { RECEIVED_REQUEST_BODY = 0, BUFFERED_REQUEST_BODY = 1 };
enum { CONTINUE = 0, STOP_ITERATION = 1, STOP_AND_BUFFER = 1 };

const void* CALLBACK(get_most_specific_route_config)(void* envoy);
bool CALLBACK(http_get_header)(void* envoy, uint32_t map, text name, text* value, size_t index, size_t* count);
bool CALLBACK(http_set_header)(void* envoy, uint32_t map, text name, text value);
size_t CALLBACK(http_get_body_chunks_size)(void* envoy, uint32_t body);
bool CALLBACK(http_get_body_chunks)(void* envoy, uint32_t body, text* chunks);
void CALLBACK(http_clear_route_cache)(void* envoy);

/* Whatever is not null. */
static const char something;

const char* envoy_dynamic_module_on_program_init(void) { return "v0.2.0"; } /* the ABI of Envoy 1.40 */
const void* HOOK(config_new)(void) { return &something; }
void HOOK(config_destroy)(void) {}
void HOOK(config_scheduled)(void) {}
const void* HOOK(per_route_config_new)(void) { return &something; }
void HOOK(per_route_config_destroy)(void) {}
const void* HOOK(new)(void) { return &something; }
void HOOK(destroy)(void) {}

uint32_t HOOK(request_headers)(void* envoy, const void* filter, bool end_of_stream) {
  text value;
  (void)filter;
  CALLBACK(get_most_specific_route_config)(envoy);
  CALLBACK(http_set_header)(envoy, REQUEST_HEADERS, TEXT("x-model"), TEXT("")); /* removes a forged one */
  CALLBACK(http_get_header)(envoy, REQUEST_HEADERS, TEXT("content-type"), &value, 0, NULL);
  CALLBACK(http_get_header)(envoy, REQUEST_HEADERS, TEXT("content-encoding"), &value, 0, NULL);
  CALLBACK(http_get_header)(envoy, REQUEST_HEADERS, TEXT("upgrade"), &value, 0, NULL);
  CALLBACK(http_get_header)(envoy, REQUEST_HEADERS, TEXT(":method"), &value, 0, NULL);
  return end_of_stream ? CONTINUE : STOP_ITERATION;
}

uint32_t HOOK(request_body)(void* envoy, const void* filter, bool end_of_stream) {
  text chunks[1024];
  size_t size;
  (void)filter;
  if (!end_of_stream) {
    return STOP_AND_BUFFER;
  }
  size = CALLBACK(http_get_body_chunks_size)(envoy, BUFFERED_REQUEST_BODY);
  if (0 < size && size <= sizeof(chunks) / sizeof(*chunks)) {
    CALLBACK(http_get_body_chunks)(envoy, BUFFERED_REQUEST_BODY, chunks);
  }
  CALLBACK(http_get_body_chunks_size)(envoy, RECEIVED_REQUEST_BODY);
  CALLBACK(http_set_header)(envoy, REQUEST_HEADERS, TEXT("x-model"), TEXT("gpt-4o"));
  CALLBACK(http_clear_route_cache)(envoy);
  return CONTINUE;
}

uint32_t HOOK(request_trailers)(void) { return CONTINUE; }

uint32_t HOOK(response_headers)(void* envoy) {
  CALLBACK(get_most_specific_route_config)(envoy);
  return CONTINUE;
}

uint32_t HOOK(response_body)(void) { return CONTINUE; }
uint32_t HOOK(response_trailers)(void) { return CONTINUE; }
void HOOK(stream_complete)(void) {}
void HOOK(scheduled)(void) {}
void HOOK(http_callout_done)(void) {}
void HOOK(http_stream_headers)(void) {}
void HOOK(http_stream_data)(void) {}
void HOOK(http_stream_trailers)(void) {}
void HOOK(http_stream_complete)(void) {}
void HOOK(http_stream_reset)(void) {}
void HOOK(downstream_above_write_buffer_high_watermark)(void) {}
void HOOK(downstream_below_write_buffer_low_watermark)(void) {}
