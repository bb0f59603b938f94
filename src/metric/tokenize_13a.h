/* tokenize_13a.h -- the tokens of mteval-v13a, the script that fixed what BLEU counts (NIST 2009), as
 * sacrebleu has them ("13a").
 *
 * A text loses white space at its end, "<skipped>" and "-\n"; a line end is a space; &quot; &amp; &lt; and
 * &gt;, in this order, are the characters they name. Then, each rule over the whole text and from left to
 * right:
 *
 *   1. ASCII punctuation but ' , - . stands alone;
 *   2. . and , stand alone behind what is not a digit;
 *   3. . and , stand alone before what is not a digit;
 *   4. - stands alone behind a digit;
 *
 * and tokens are what lies between white space. Case is kept. */
#ifndef METRIC_TOKENIZE_13A_H
#define METRIC_TOKENIZE_13A_H

#include "base/str.h"
#include "metric/symbols.h"

/* Appends the tokens of a text; new ones are added to s. */
void tokenize_13a(symbols *s, passage text, token_ids *out);

#endif
