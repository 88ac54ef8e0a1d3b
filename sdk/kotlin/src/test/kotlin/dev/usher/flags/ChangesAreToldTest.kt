package dev.usher.flags

import dev.usher.flags.support.Backend
import dev.usher.flags.support.Line
import dev.usher.flags.support.Server
import dev.usher.flags.support.WithServer
import dev.usher.flags.support.eventually
import dev.usher.flags.support.flag
import dev.usher.flags.support.live
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.filter
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.take
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.time.Duration
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds

class ChangesAreToldTest : WithServer() {
    @Test
    fun `a listener hears of a kill when it is already there`() {
        server.put(flag("told", "integer", "1"))
        server.client().use { flags ->
            flags.live()
            assertEquals(1, flags.getInteger("told", 0))
            val found = CopyOnWriteArrayList<Long>()
            val threads = CopyOnWriteArrayList<Thread>()
            val subscription = flags.onChange { changed ->
                threads += Thread.currentThread()
                if ("told" in changed) found += flags.getInteger("told", 0)
            }
            server.put(flag("told", "integer", "2"))
            eventually("it is told") { found == listOf(2L) }
            assertFalse(Thread.currentThread() in threads)
            subscription.close()
            subscription.close()
            server.put(flag("told", "integer", "3"))
            eventually("the change is there") { flags.getInteger("told", 0) == 3L }
            assertEquals(listOf(2L), found, "who left is not called")
        }
    }

    @Test
    fun `one that throws is reported and stops nobody`() = server.client().use { flags ->
        val heard = CountDownLatch(1)
        flags.onChange { error("an exception on purpose") }
        flags.onChange { throw StackOverflowError("an error on purpose") }
        flags.onStatus { throw java.io.IOException("a checked one on purpose") }
        flags.onChange { heard.countDown() }
        assertTrue(heard.await(45, TimeUnit.SECONDS))
        for (what in listOf("an exception", "an error", "a checked one")) {
            eventually("$what is reported") { flags.diagnostics.any { "$what on purpose" in it } }
        }
        assertTrue(flags.live().getBoolean("always", false))
    }

    @Test
    fun `a signature that is not taken is told, and one less is enough`() = server.client().use { flags ->
        flags.live()
        val wanted = CountDownLatch(1)
        flags.onStatus { if (it.wantsSignedContext) wanted.countDown() }
        flags.setSignedContext("nonsense")
        assertTrue(wanted.await(45, TimeUnit.SECONDS))
        assertTrue(flags.status.wantsSignedContext)
        flags.setSignedContext(null)
        assertTrue(flags.live().getBoolean("always", false))
        assertFalse(flags.status.wantsSignedContext)
    }

    @Test
    fun `a flow of statuses tells of each renewal, which is like the one before`() = runBlocking {
        Server(heartbeatSeconds = 1).use { server ->
            val backend = Backend(server.key("context"))
            // Good for so short that another is asked for at the next heartbeat.
            var seconds = 30L
            server.client { signedContext(backend.sign("u-1", seconds)) }.use { flags ->
                val wanted = flags.statuses.filter { it.wantsSignedContext }
                val told = withTimeout(45.seconds) {
                    wanted.onEach { flags.setSignedContext(backend.sign("u-1", ++seconds)) }.take(3).toList()
                }
                assertEquals(3, told.distinct().size, "$told")
                assertTrue(told.all { it.state == ConnectionState.LIVE }, "$told")
            }
        }
    }

    @Test
    fun `a listener may end the client that calls it`() {
        val flags = server.client()
        flags.onChange { flags.close() }
        eventually("it has ended") { flags.status.state == ConnectionState.CLOSED }
        assertTrue(flags.awaitListeners(Duration.ofSeconds(20)))
        assertTrue(flags.getBoolean("always", false), "answers go on")
    }

    @Test
    fun `a flow tells all that changed, to a slow collector too, and ends with the client`() = runBlocking {
        for (n in 1..5) server.put(flag("flow-$n", "integer", "0"))
        val flags = server.client().live()
        val seen = CopyOnWriteArrayList<String>()
        val collecting = launch(Dispatchers.Default) {
            flags.changes.collect {
                seen += it
                delay(50.milliseconds)
            }
        }
        // Whatever is put before there is a collector is nobody's news.
        eventually("somebody listens") {
            server.put(flag("flow-0", "integer", "${seen.size + (0..1_000_000).random()}"))
            seen.isNotEmpty()
        }
        for (n in 1..5) server.put(flag("flow-$n", "integer", "1"))
        eventually("all are told") { seen.containsAll((1..5).map { "flow-$it" }) }
        flags.close()
        withTimeout(20.seconds) { collecting.join() }
    }

    @Test
    fun `a flow of statuses begins with the one that is, and ends with closed`() = runBlocking {
        Line(server.url).use { line ->
            val flags = server.client(url = line.url)
            val all = CopyOnWriteArrayList<Status>()
            val collecting = launch(Dispatchers.Default) { flags.statuses.collect { all += it } }
            eventually("it hears that it is live") { all.any { it.state == ConnectionState.LIVE } }
            line.cut()
            eventually("it hears that it is stale") { all.any { it.state == ConnectionState.STALE } }
            val stale = all.first { it.state == ConnectionState.STALE }
            assertTrue(stale.since != null && stale.source == FlagSource.SERVER)
            flags.close()
            withTimeout(20.seconds) { collecting.join() }
            assertEquals(ConnectionState.CLOSED, all.last().state)
            assertEquals(listOf(ConnectionState.CLOSED), flags.statuses.toList().map { it.state }, "after the end")
            assertEquals(emptyList<Set<String>>(), flags.changes.toList())
            assertFalse(flags.awaitLive(1.seconds))
        }
    }
}
