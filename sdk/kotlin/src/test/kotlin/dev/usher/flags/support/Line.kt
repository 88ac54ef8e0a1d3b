package dev.usher.flags.support

import java.io.IOException
import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.net.URI
import java.util.concurrent.ConcurrentHashMap
import kotlin.concurrent.thread

/** A network that can be cut: what it passes on goes to a server. */
class Line(server: String) : AutoCloseable {
    private val server = URI(server)
    private val listener = ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"))
    private val sockets = ConcurrentHashMap.newKeySet<Socket>()

    @Volatile
    private var cut = false

    val url = "http://127.0.0.1:${listener.localPort}"

    init {
        thread(isDaemon = true, name = "line") {
            while (!listener.isClosed) {
                try {
                    pass(listener.accept())
                } catch (_: IOException) {
                    // The line was closed, or the server is not there.
                }
            }
        }
    }

    /** Ends what is connected; nothing gets through from now on. */
    fun cut() {
        cut = true
        sockets.forEach { it.close() }
    }

    fun mend() {
        cut = false
    }

    private fun pass(near: Socket) {
        if (cut) return near.close()
        val far = Socket(server.host, server.port)
        sockets += listOf(near, far)
        for ((from, to) in listOf(near to far, far to near)) {
            thread(isDaemon = true, name = "line") {
                try {
                    from.getInputStream().transferTo(to.getOutputStream())
                } catch (_: IOException) {
                    // One of both has ended.
                }
                listOf(from, to).forEach { it.close() }
                sockets -= setOf(from, to)
            }
        }
        // A cut may have come between.
        if (cut) listOf(near, far).forEach { it.close() }
    }

    override fun close() {
        listener.close()
        cut()
    }
}
