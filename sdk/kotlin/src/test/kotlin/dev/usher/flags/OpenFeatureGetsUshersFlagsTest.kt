package dev.usher.flags

import dev.openfeature.sdk.Client
import dev.openfeature.sdk.ErrorCode
import dev.openfeature.sdk.EvaluationContext
import dev.openfeature.sdk.ImmutableContext
import dev.openfeature.sdk.MutableTrackingEventDetails
import dev.openfeature.sdk.OpenFeatureAPI
import dev.openfeature.sdk.ProviderState
import dev.openfeature.sdk.Value
import dev.openfeature.sdk.exceptions.FatalError
import dev.openfeature.sdk.exceptions.ProviderNotReadyError
import dev.usher.flags.openfeature.UsherProvider
import dev.usher.flags.support.Line
import dev.usher.flags.support.WithServer
import dev.usher.flags.support.eventually
import dev.usher.flags.support.flag
import dev.usher.flags.support.live
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList

class OpenFeatureGetsUshersFlagsTest : WithServer() {
    private val api = OpenFeatureAPI.getInstance()

    @AfterEach
    fun shutDown() = api.shutdown()

    @Test
    fun `every type, with all that is known`() {
        val client = client(server.client())
        assertTrue(client.getBooleanValue("always", false))
        assertEquals(4, client.getIntegerValue("seat-limit", 0))
        assertEquals(2.5, client.getDoubleValue("fee", 0.0))
        assertEquals("Gates open at six – Einlass 18 Uhr", client.getStringValue("banner", ""))
        val layout = client.getObjectValue("layout", Value()).asStructure()
        assertEquals(listOf(1, 2), layout.getValue("rows").asList().map { it.asInteger() })
        assertTrue(layout.getValue("aisles").asStructure().getValue("north").asBoolean())
        assertEquals("mine", client.getObjectValue("hidden", Value("mine")).asString())

        val found = client.getBooleanDetails("resale-guard", false)
        assertEquals(listOf(true, "on", "TARGETING_MATCH", null), listOf(found.value, found.variant, found.reason, found.errorCode))
        assertEquals("england", found.flagMetadata.getString("rule"))
        assertEquals(ErrorCode.FLAG_NOT_FOUND, client.getBooleanDetails("hidden", true).errorCode)
        assertEquals(ErrorCode.TYPE_MISMATCH, client.getIntegerDetails("banner", 7).errorCode)
        server.put(flag("large", "integer", "3000000000"))
        eventually("it is there") { client.getIntegerDetails("large", 7).errorCode == ErrorCode.TYPE_MISMATCH }
        assertEquals(7, client.getIntegerValue("large", 7))
        client.track("scan-seconds", MutableTrackingEventDetails(0.4))
        client.track("scan")
    }

    @Test
    fun `nobody is answered with another's values`() {
        val flags = server.client("u-staff")
        val client = client(flags)
        eventually("theirs are there") { client.getBooleanValue("staff-menu", false) }
        val wembley = mapOf("venue" to Value("wembley-stadium"))
        assertTrue(client.getBooleanValue("staff-menu", false, ImmutableContext("u-staff", wembley)))
        val others = listOf(
            ImmutableContext("u-1"),
            ImmutableContext("u-staff", mapOf("venue" to Value("anfield"))),
            ImmutableContext(wembley + ("plan" to Value("season"))),
        )
        for (other: EvaluationContext in others) {
            val refused = client.getBooleanDetails("staff-menu", false, other)
            assertEquals(listOf(false, ErrorCode.INVALID_CONTEXT), listOf(refused.value, refused.errorCode))
        }
        flags.setContext(FlagContext.of("u-1").with("plan", "season").with("visits", 3))
        val same = ImmutableContext("u-1", wembley + mapOf("plan" to Value("season"), "visits" to Value(3)))
        eventually("theirs have come") { client.getBooleanDetails("resale-guard", false, same).reason == "TARGETING_MATCH" }
        assertFalse(client.getBooleanValue("staff-menu", true, same))
    }

    @Test
    fun `the API's own context is asked for`() {
        api.evaluationContext = ImmutableContext("u-17", mapOf("venue" to Value("anfield")))
        try {
            val client = client(server.client())
            eventually("theirs have come") { client.getBooleanValue("hand-picked", false) }
        } finally {
            api.evaluationContext = ImmutableContext()
        }
    }

    @Test
    fun `events tell of changes and of the network`() = Line(server.url).use { line ->
        server.put(flag("news", "integer", "1"))
        val client = client(server.client(url = line.url))
        val changed = CopyOnWriteArrayList<String>()
        client.onProviderConfigurationChanged { changed += it.flagsChanged }
        eventually("it is ready") { client.providerState == ProviderState.READY && client.getIntegerValue("news", 0) == 1 }
        server.put(flag("news", "integer", "2"))
        eventually("it is told") { "news" in changed }
        assertEquals(2, client.getIntegerValue("news", 0))
        line.cut()
        eventually("it is stale") { client.providerState == ProviderState.STALE }
        assertEquals(2, client.getIntegerValue("news", 0))
        line.mend()
        eventually("it is ready again") { client.providerState == ProviderState.READY }
    }

    @Test
    fun `one that has nothing to answer from is not ready until it has`() = Line(server.url).use { line ->
        line.cut()
        val provider = UsherProvider(server.client(url = line.url))
        assertThrows(ProviderNotReadyError::class.java) { api.setProviderAndWait(provider) }
        assertEquals(ProviderState.ERROR, api.client.providerState)
        assertTrue(api.client.getBooleanValue("always", true) && !api.client.getBooleanValue("always", false))
        line.mend()
        eventually("it is ready") { api.client.providerState == ProviderState.READY }
        assertTrue(api.client.getBooleanValue("always", false))
    }

    @Test
    fun `one that nobody waits for becomes ready as well`() = Line(server.url).use { line ->
        line.cut()
        api.setProvider(UsherProvider(UsherFlags(line.url, server.key)))
        eventually("it has failed") { api.client.providerState == ProviderState.ERROR }
        line.mend()
        eventually("it is ready") { api.client.providerState == ProviderState.READY }
    }

    @Test
    fun `a key that is refused is fatal at once`() {
        val provider = UsherProvider(UsherFlags(server.url, "uck_nobody-has-ever-made-this-one"))
        assertThrows(FatalError::class.java) { api.setProviderAndWait(provider) }
        assertEquals(ProviderState.FATAL, api.client.providerState)
        assertTrue(api.client.getBooleanValue("always", true))
    }

    @Test
    fun `one that answers from the disk is stale until the server is there`() = Line(server.url).use { line ->
        val folder = Files.createTempDirectory(Path.of("target"), "cache-")
        server.client(url = line.url) { cacheDir(folder) }.use { flags ->
            flags.live()
            eventually("values are on disk") { Files.list(folder).use { files -> files.anyMatch { "$it".endsWith(".cache") } } }
        }
        line.cut()
        val client = client(server.client(url = line.url) { cacheDir(folder) })
        eventually("it is stale") { client.providerState == ProviderState.STALE }
        assertTrue(client.getBooleanValue("always", false))
        line.mend()
        eventually("it is ready") { client.providerState == ProviderState.READY }
    }

    private fun client(flags: UsherFlags): Client {
        api.setProviderAndWait(UsherProvider(flags))
        return api.client
    }
}
