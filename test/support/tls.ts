/**
 * A key and a self-signed certificate for `localhost` and 127.0.0.1, for tests only. Made by
 * `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=localhost
 * -addext subjectAltName=DNS:localhost,IP:127.0.0.1`.
 */
export const TLS = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgS/TLG0UL3yd+NtHy
5oDgktn/gMmyVwZS0wOlU7wc6yuhRANCAAQZXxRy69JfuNfd8KdVY/T4jhjli85m
FQTXWMIZxYYoP2V4UOEHsy3eFvwPItVdAydZPdPK4L05YPlzjh5tURXL
-----END PRIVATE KEY-----
`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUXYBFaKytT2NLaU0ddvIbw2g2CzwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzIyMzkzN1oYDzIxMjYxMTAz
MjIzOTM3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQZXxRy69JfuNfd8KdVY/T4jhjli85mFQTXWMIZxYYoP2V4UOEHsy3e
FvwPItVdAydZPdPK4L05YPlzjh5tURXLo28wbTAdBgNVHQ4EFgQUjrrycjC20LkP
wrGDTmqkVPL0W/YwHwYDVR0jBBgwFoAUjrrycjC20LkPwrGDTmqkVPL0W/YwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAM+UceDX3iF+C7j4LjbxFk/UZB1PN4PI6Hd0aInalgXtAiEA
xlGOiqHBGA6d0PxnUVCshGLq9GVF+STIM+AvrMcNbSI=
-----END CERTIFICATE-----
`
}
