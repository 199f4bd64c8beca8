/* Joulebook's C API. */
#ifndef JOULEBOOK_H
#define JOULEBOOK_H
#endif
