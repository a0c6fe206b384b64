// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns_trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dns_trust {
	SSL_CTX *ctx;
	uint8_t pins[DNS_PINS_MAX][DNS_PIN_LEN];
	size_t n_pins;
	bool ca;
};

static bool pinned(const struct dns_trust *t, X509 *cert)
{
	uint8_t *spki = NULL, hash[DNS_PIN_LEN];
	unsigned int hash_len = sizeof(hash);
	bool found = false;
	size_t i;
	int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : -1;

	if (n <= 0 || EVP_Digest(spki, (size_t)n, hash, &hash_len, EVP_sha256(), NULL) != 1)
		goto out;
	for (i = 0; i < t->n_pins; i++)
		found |= !memcmp(hash, t->pins[i], sizeof(hash));
out:
	OPENSSL_free(spki);
	return found;
}

static int verify(X509_STORE_CTX *store, void *arg)
{
	const struct dns_trust *t = arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const char **why = ssl ? SSL_get_app_data(ssl) : NULL;
	const char *reason = NULL;

	if (t->n_pins && !pinned(t, X509_STORE_CTX_get0_cert(store))) {
		reason = "the server's key is not the one that the account knows";
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
	} else if (t->ca && X509_verify_cert(store) != 1) {
		reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(store));
	}
	if (!reason) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	if (why)
		*why = reason;
	return 0;
}

static SSL_CTX *context(struct dns_trust *t, const struct dns_trust_config *config)
{
	static const uint8_t dot[] = "\3dot";
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	X509_VERIFY_PARAM *param;

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, verify, t);
	/* 0 is success, here alone. */
	if (SSL_CTX_set_alpn_protos(ctx, dot, sizeof(dot) - 1))
		goto fail;
	if (!t->ca)
		return ctx;
	param = SSL_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (SSL_CTX_load_verify_locations(ctx, config->ca_file, NULL) == 1 &&
	    X509_VERIFY_PARAM_set1_host(param, config->name, 0) == 1)
		return ctx;
fail:
	SSL_CTX_free(ctx);
	return NULL;
}

struct dns_trust *dns_trust_new(const struct dns_trust_config *config, char *why,
				size_t why_size)
{
	struct dns_trust *t;

	if (!config->n_pins && !config->ca_file) {
		snprintf(why, why_size, "there is neither a pin nor a CA to know the server by");
		return NULL;
	}
	if (config->ca_file && (!config->name || !*config->name)) {
		snprintf(why, why_size, "there is a CA, but no name for the certificate");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t || config->n_pins > DNS_PINS_MAX) {
		snprintf(why, why_size, t ? "there are too many pins" : "out of memory");
		free(t);
		return NULL;
	}
	memcpy(t->pins, config->pins, sizeof(t->pins));
	t->n_pins = config->n_pins;
	t->ca = config->ca_file;
	ERR_clear_error();
	t->ctx = context(t, config);
	if (!t->ctx) {
		const char *reason = ERR_reason_error_string(ERR_peek_last_error());

		snprintf(why, why_size, "%s is of no use as a CA: %s",
			 t->ca ? config->ca_file : "OpenSSL", reason ? reason : "no reason given");
		ERR_clear_error();
		free(t);
		return NULL;
	}
	return t;
}

void dns_trust_free(struct dns_trust *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

SSL *dns_trust_session(struct dns_trust *t, BIO **in, BIO **out, const char **why)
{
	SSL *ssl = SSL_new(t->ctx);

	*in = BIO_new(BIO_s_mem());
	*out = BIO_new(BIO_s_mem());
	if (!ssl || !*in || !*out) {
		SSL_free(ssl);
		BIO_free(*in);
		BIO_free(*out);
		return NULL;
	}
	/* Empty is "not yet", not the end. */
	BIO_set_mem_eof_return(*in, -1);
	SSL_set_bio(ssl, *in, *out);
	SSL_set_app_data(ssl, why);
	SSL_set_connect_state(ssl);
	return ssl;
}

bool dns_trust_exporter(SSL *ssl, const char *label, uint8_t out[32])
{
	if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1)
		return false;
	return SSL_export_keying_material(ssl, out, 32, label, strlen(label),
					  (const uint8_t *)"", 0, 1) == 1;
}
