package dev.usher.flags.support

import java.security.KeyFactory
import java.security.Signature
import java.security.spec.PKCS8EncodedKeySpec
import java.util.Base64
import java.util.HexFormat

/** What an Ed25519 key begins with (PKCS #8, RFC 8410, section 7). */
private const val HEAD = "302e020100300506032b657004220420"

/** Signs contexts, with the secret of a context key: `usx_KEY~PRIVATE~ENVIRONMENT`. */
class Backend(secret: String) {
    private val key: String
    private val environment: String
    private val signature = Signature.getInstance("Ed25519")

    init {
        val parts = secret.removePrefix("usx_").split('~')
        key = parts[0]
        environment = parts[2]
        val encoded = HexFormat.of().parseHex(HEAD) + Base64.getUrlDecoder().decode(parts[1])
        signature.initSign(KeyFactory.getInstance("Ed25519").generatePrivate(PKCS8EncodedKeySpec(encoded)))
    }

    /** That whoever has it is this, for so many seconds from now on. */
    fun sign(who: String, seconds: Long): String {
        val now = System.currentTimeMillis() / 1_000
        val header = """{"alg": "EdDSA", "typ": "usher-context+jwt", "kid": "$key"}"""
        val claims = """{"iss": "$key", "aud": "$environment", "iat": $now, "exp": ${now + seconds}, "targetingKey": "$who"}"""
        val says = "${encoded(header.toByteArray())}.${encoded(claims.toByteArray())}"
        signature.update(says.toByteArray())
        return "$says.${encoded(signature.sign())}"
    }

    private fun encoded(bytes: ByteArray) = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes)
}
