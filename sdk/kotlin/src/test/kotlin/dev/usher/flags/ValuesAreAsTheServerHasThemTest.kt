package dev.usher.flags

import dev.usher.flags.ffi.FlagsException
import dev.usher.flags.support.WithServer
import dev.usher.flags.support.eventually
import dev.usher.flags.support.live
import kotlinx.serialization.json.Json
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

private const val LAYOUT = """{"rows": [1, 2], "name": "bowl", "aisles": {"north": true}}"""

class ValuesAreAsTheServerHasThemTest : WithServer() {
    @Test
    fun `every type, however often it is read`() = server.client().use { flags ->
        flags.live()
        repeat(3) {
            assertTrue(flags.getBoolean("always", false))
            assertTrue(flags.getBoolean("gates/nord & süd", false))
            assertEquals(4, flags.getInteger("seat-limit", 0))
            assertEquals(2.5, flags.getFloat("fee", 0.0))
            assertEquals(2.0, flags.getFloat("levy", 0.0), "a whole number is one too")
            assertEquals("Gates open at six – Einlass 18 Uhr", flags.getString("banner", ""))
            assertEquals(Json.parseToJsonElement(LAYOUT), Json.parseToJsonElement(flags.getObject("layout", "{}")))
            assertEquals("""["north","south"]""", flags.getObject("gate-order", "[]"))
        }
    }

    @Test
    fun `what is not there, or of another type, is each caller's own default`() = server.client().use { flags ->
        flags.live()
        for (default in listOf(true, false, true)) {
            assertEquals(default, flags.getBoolean("no-such-flag", default))
            assertEquals(default, flags.getBoolean("hidden", default))
            assertEquals(default, flags.getBoolean("banner", default))
            assertEquals(default, flags.getBoolean("imported", default), "the flag leaves it to the caller")
            assertTrue(flags.getBoolean("always", default))
        }
        for (default in listOf(4L, 5L, Long.MIN_VALUE, 4L)) {
            assertEquals(default, flags.getInteger("no-such-flag", default))
            assertEquals(4, flags.getInteger("seat-limit", default), "the same as a default, and not")
        }
        for (default in listOf(Double.NaN, 0.0, -0.0, 2.5, Double.NaN)) {
            assertEquals(default, flags.getFloat("no-such-flag", default))
            assertEquals(2.5, flags.getFloat("fee", default))
        }
        for (default in listOf("", "mine", "Gates open at six – Einlass 18 Uhr", "mine")) {
            assertEquals(default, flags.getString("seat-limit", default))
            assertEquals(default, flags.getObject("banner", default))
            assertEquals("Gates open at six – Einlass 18 Uhr", flags.getString("banner", default))
        }
        val half = "\uD83D"
        assertTrue(flags.getBoolean(half, true), "a key that is no text")
        assertEquals(half, flags.getString("no-such-flag", half))
        assertEquals(FlagErrorCode.GENERAL, flags.getBooleanDetails(half, true).errorCode)
    }

    @Test
    fun `details say all that is known`() = server.client().use { flags ->
        flags.live()
        val found = flags.getBooleanDetails("resale-guard", false)
        assertEquals(listOf(true, "on", "TARGETING_MATCH"), listOf(found.value, found.variant, found.reason))
        assertEquals(listOf(null, FlagSource.SERVER, "england"), listOf(found.errorCode, found.source, found.metadata["rule"]))
        assertTrue(found.age!!.toSeconds() < 60 && found.asOf!!.isAfter(java.time.Instant.now().minusSeconds(60)))
        assertEquals(4, flags.getIntegerDetails("seat-limit", 0).value)
        assertEquals(2.5, flags.getFloatDetails("fee", 0.0).value)
        assertEquals("on", flags.getStringDetails("banner", "").variant)
        assertTrue("bowl" in flags.getObjectDetails("layout", "{}").value)

        val missing = flags.getIntegerDetails("hidden", 7)
        assertEquals(listOf(7L, FlagErrorCode.FLAG_NOT_FOUND, null), listOf(missing.value, missing.errorCode, missing.variant))
        assertTrue("`hidden`" in missing.errorMessage!!)
        assertEquals(FlagErrorCode.TYPE_MISMATCH, flags.getObjectDetails("banner", "[1]").errorCode)
    }

    @Test
    fun `another person gets their own, and a context that is none changes nothing`() = server.client().use { flags ->
        flags.live()
        assertFalse(flags.getBoolean("staff-menu", false))
        assertTrue(flags.getBoolean("resale-guard", false))
        flags.setContext(FlagContext.of("u-staff").at("munich-arena"))
        assertFalse(flags.getBoolean("resale-guard", false), "not the other person's")
        eventually("theirs have come") { flags.getBoolean("staff-menu", false) }
        assertFalse(flags.getBoolean("resale-guard", true), "off in Germany")
        val broken = FlagContext.of("u-1").withJson("device", "{")
        val refused = assertThrows(FlagsException.Invalid::class.java) { flags.setContext(broken) }
        assertTrue("`device`" in refused.message!!)
        assertEquals("u-staff", flags.context.targetingKey)
        assertTrue(flags.getBoolean("staff-menu", false))
        flags.setContext(FlagContext.of("u-staff").with("ticket.kind", "season"))
        assertEquals("wembley-stadium", flags.context.venue, "where the client was built for")
        eventually("it is in England again") { flags.getBoolean("resale-guard", false) }
    }

    @Test
    fun `attributes of each type reach the rules`() = server.client().use { flags ->
        val conditions = listOf(
            """"attribute": "beta", "op": "equals", "values": [true]""",
            """"attribute": "visits", "op": "gte", "values": [3]""",
            """"attribute": "score", "op": "lt", "values": [0.75]""",
            """"attribute": "plan", "op": "in", "values": ["season"]""",
            """"attribute": "blocks", "op": "in", "values": ["102"]""",
            """"attribute": "device.os", "op": "equals", "values": ["android"]""",
        ).joinToString { "{$it}" }
        server.put(
            """{"kind": "flag", "key": "particular", "type": "boolean", "variants": {"on": true, "off": false},
            "clientVisible": true, "environments": {"production": {"enabled": true, "offVariant": "off",
            "rules": [{"id": "all", "if": {"all": [$conditions]}, "serve": {"variant": "on"}}],
            "default": {"variant": "off"}}}}""",
        )
        val context = FlagContext.of("u-9").with("beta", true).with("visits", 3).with("score", 0.5)
            .with("plan", "season").with("blocks", listOf("101", "102")).withJson("device", """{"os": "android"}""")
        flags.setContext(context)
        eventually("all conditions hold") { flags.getBoolean("particular", false) }
    }

    @Test
    fun `a setting that can't be used is refused at once, and no key is told`() {
        val refused = assertThrows(FlagsException.Invalid::class.java) { UsherFlags("flags.example.org", "uck_secret") }
        assertFalse("secret" in refused.message!!)
        UsherFlags("http://127.0.0.1:1", "uck_secret").use {
            assertFalse("secret" in it.toString())
            assertNull(it.status.since)
        }
    }
}
