/* Part of summary.h: what building a summary (summary.c) and its bytes (summary_bytes.c) share. */
#ifndef SUMMARY_PARTS_H
#define SUMMARY_PARTS_H

#include "summary.h"

/* SUMMARY_NONE without memory; summary->failed says so then. */
uint32_t summary_new_node(struct summary *summary, uint32_t parent, uint32_t code);

#endif
