/* assets.h -- style.css and script.js as text; the Makefile makes assets.c of them. */
#ifndef LIB_REPORT_ASSETS_H
#define LIB_REPORT_ASSETS_H

extern const char report_style[], report_script[];

#endif
