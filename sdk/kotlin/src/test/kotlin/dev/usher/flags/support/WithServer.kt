package dev.usher.flags.support

import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.BeforeAll
import org.junit.jupiter.api.TestInstance

/** One server for each class of tests: what one changes, no other sees. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class WithServer {
    lateinit var server: Server

    @BeforeAll
    fun start() {
        server = Server()
    }

    @AfterAll
    fun stop() = server.close()
}
