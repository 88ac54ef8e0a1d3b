package dev.usher.flags.support

import dev.usher.flags.UsherFlags
import java.time.Duration

/** Waits until something holds. */
fun eventually(what: String, holds: () -> Boolean) {
    val end = System.nanoTime() + Duration.ofSeconds(45).toNanos()
    while (!holds()) {
        check(System.nanoTime() < end) { "it never came about: $what" }
        Thread.sleep(5)
    }
}

/** The same client, once it is live. */
fun UsherFlags.live(): UsherFlags = also { check(awaitLive(Duration.ofSeconds(45))) { "it is not live, but $status" } }
