/* material.h: a self-signed certificate for "localhost" and its key, for tests alone. */
#pragma once

static const char cert[] = "-----BEGIN CERTIFICATE-----\n"
                           "MIIBlTCCATugAwIBAgIUHFKSIbVBTgym+m9B4uDeqEpkVdIwCgYIKoZIzj0EAwIw\n"
                           "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjAwMzAyOFoYDzIxMjYxMDI5\n"
                           "MDAzMDI4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
                           "PQMBBwNCAASfo57zMvJhMyUa+ugz7hAV6xz853d6D/LRVDFUwqHHI0mZ6sw85QD0\n"
                           "ah6kSdJuQw1xF46vMQnsv8avcbjoQNXpo2kwZzAdBgNVHQ4EFgQUbqbIrv8FPBoI\n"
                           "8Rr1p/ti4KDXKPYwHwYDVR0jBBgwFoAUbqbIrv8FPBoI8Rr1p/ti4KDXKPYwDwYD\n"
                           "VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID\n"
                           "SAAwRQIhAMEJfiB1ZDeXWLwAtmSFF9bEolh/mMP2X5qhh9hH0ZVTAiAO2nHbAVbI\n"
                           "dBf2zWZ3xggLpZTktAvDaY1qJ8PWMqNmkw==\n"
                           "-----END CERTIFICATE-----\n";
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1XJUcvlQc0xFj4Dy\n"
                          "cpq2+dC4lMSCVo0Pe7fg+DRN/P6hRANCAASfo57zMvJhMyUa+ugz7hAV6xz853d6\n"
                          "D/LRVDFUwqHHI0mZ6sw85QD0ah6kSdJuQw1xF46vMQnsv8avcbjoQNXp\n"
                          "-----END PRIVATE KEY-----\n";
