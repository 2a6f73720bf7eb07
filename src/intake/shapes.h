/* shapes.h: what is sealed by its looks, whoever sent it and however many: e-mail addresses, IP
 * addresses, card numbers, JWTs, random tokens. The detectors lean to sealing: a version number
 * like 10.0.19.2 looks like an address and is sealed. They are a second line; the crowd rule is the
 * first.
 *
 * Depends on: base. Used by: the files of intake.
 */
#pragma once

#include "base/base.h"

/* Any of the shapes anywhere in the text, also percent-encoded. */
bool intake_shape_sealed(struct str text);

/* The single ones, on plain text; for tests and numbers. */
bool intake_shape_email(struct str text);
bool intake_shape_ip(struct str text);
bool intake_shape_card(
    struct str text); /* 13 to 19 digits, grouped or not, with Luhn's check digit */
bool intake_shape_jwt(struct str text);
bool intake_shape_token(struct str text);
