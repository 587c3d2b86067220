/*
 * A module of another kind: its route configurations are addresses that its configuration chooses. Whoever follows
 * one of them crashes, or reads what means nothing.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HOOK(name) envoy_dynamic_module_on_##name

/* Readable, and nothing like a configuration. */
static const char readable[4096];

/* What this Envoy wants to hear, which the module under test knows. */
const char* HOOK(program_init)(void) {
  void* ours = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
  const char* (*init)(void) = ours ? (const char* (*)(void))dlsym(ours, "envoy_dynamic_module_on_program_init") : NULL;
  return init ? init() : NULL;
}

/* The number in the configuration; the address of what can be read if that is 0. */
const void* HOOK(http_filter_per_route_config_new)(const char* name, size_t name_length, const char* config,
                                                   size_t length) {
  char text[32] = {0};
  uintptr_t address;
  (void)name;
  (void)name_length;
  memcpy(text, config, length < sizeof(text) ? length : sizeof(text) - 1);
  address = strtoull(text, NULL, 10);
  return address ? (const void*)address : readable;
}

void HOOK(http_filter_per_route_config_destroy)(const void* config) { (void)config; }
