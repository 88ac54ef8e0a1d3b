package dev.usher.flags

import dev.usher.flags.support.Line
import dev.usher.flags.support.WithServer
import dev.usher.flags.support.eventually
import dev.usher.flags.support.flag
import dev.usher.flags.support.live
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.file.Files
import java.nio.file.Path
import java.time.Duration
import kotlin.time.measureTime

class ItIsRightWithoutNetworkTest : WithServer() {
    @Test
    fun `it starts from the disk, whatever the app's version`() {
        // Not one that is gone after the test: what there is to write is still written then.
        val folder = Files.createTempDirectory(Path.of("target"), "cache-")
        val line = Line(server.url)
        server.client(url = line.url) { cacheDir(folder).appVersion("3.2.0") }.use { flags ->
            flags.live()
            eventually("values are on disk") { Files.list(folder).use { files -> files.anyMatch { "$it".endsWith(".cache") } } }
        }
        line.cut()
        server.client(url = line.url) { cacheDir(folder).appVersion("4.0.0") }.use { flags ->
            val first = flags.getBooleanDetails("always", false)
            assertEquals(listOf(true, "CACHED", FlagSource.CACHE), listOf(first.value, first.reason, first.source))
            assertEquals(4, flags.getInteger("seat-limit", 0))
            eventually("it knows why") { flags.status.obstacle == Obstacle.UNREACHABLE }
            flags.setContext(FlagContext.of("u-2"))
            assertEquals(FlagSource.NOTHING, flags.getBooleanDetails("always", false).source, "it is another person's")
            line.mend()
            assertTrue(flags.live().getBoolean("always", false))
        }
        line.close()
    }

    @Test
    fun `it starts from what the app brings along`() {
        val values = """{"schema": 1, "values": {"always": {"value": true, "variant": "on", "reason": "STATIC"}}}"""
        UsherFlags("http://127.0.0.1:1", "uck_x") { bootstrap(values, "staging") }.use { flags ->
            assertTrue(flags.getBoolean("always", false))
            val first = flags.getBooleanDetails("always", false)
            assertEquals(listOf("DEFAULT", FlagSource.BOOTSTRAP), listOf(first.reason, first.source))
            assertNull(first.age)
        }
    }

    @Test
    fun `it goes on while the network is cut, says so, and catches up`() {
        server.put(flag("cut", "integer", "1"))
        Line(server.url).use { line ->
            server.client(url = line.url).use { flags ->
                flags.live()
                assertEquals(1, flags.getInteger("cut", 0))
                line.cut()
                eventually("it says so") { flags.status.state == ConnectionState.STALE }
                server.put(flag("cut", "integer", "2"))
                repeat(3) { assertEquals(1, flags.getInteger("cut", 0)) }
                assertEquals("STALE", flags.getIntegerDetails("cut", 0).reason)
                line.mend()
                eventually("it has caught up") { flags.getInteger("cut", 0) == 2L }
                flags.live()
            }
        }
    }

    @Test
    fun `a value that is too old is not gone on with`() {
        server.put(
            """{"kind": "flag", "key": "ageing", "type": "boolean", "variants": {"on": true, "off": false},
            "clientVisible": true, "environments": {"production": {"enabled": true, "offVariant": "off",
            "default": {"variant": "on"}, "whenStale": {"after": "1s", "then": "off"}}}}""",
        )
        Line(server.url).use { line ->
            server.client(url = line.url).use { flags ->
                flags.live()
                assertTrue(flags.getBoolean("ageing", false))
                line.cut()
                eventually("it is off") { !flags.getBoolean("ageing", true) }
                line.mend()
                eventually("it is on again") { flags.getBoolean("ageing", false) }
            }
        }
    }

    @Test
    fun `it rests in the background, and comes back`() {
        server.put(flag("resting", "integer", "1"))
        server.client { pollInBackgroundEvery(Duration.ofSeconds(1)) }.use { flags ->
            flags.live()
            flags.expose("always")
            flags.track("scan-seconds", 0.4)
            flags.trackResult("scan", true)
            flags.flush()
            flags.background()
            server.put(flag("resting", "integer", "2"))
            eventually("it has asked") { flags.getInteger("resting", 0) == 2L }
            flags.foreground()
            flags.live()
        }
    }

    @Test
    fun `it ends at once whatever it is doing`() {
        Line(server.url).use { line ->
            val live = server.client(url = line.url).live()
            line.cut()
            val unknown = UsherFlags("http://no.such.host.invalid", "uck_x")
            for (flags in listOf(live, unknown)) {
                val took = measureTime { repeat(2) { flags.close() } }
                assertTrue(took.inWholeMilliseconds < 1_000, "$took")
                assertEquals(ConnectionState.CLOSED, flags.status.state)
                assertTrue(flags.getBoolean("always", flags === unknown), "answers go on")
            }
        }
    }
}
