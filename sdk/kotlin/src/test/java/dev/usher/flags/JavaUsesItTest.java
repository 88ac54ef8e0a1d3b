package dev.usher.flags;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.usher.flags.ffi.ConnectionState;
import dev.usher.flags.ffi.FlagSource;
import dev.usher.flags.ffi.FlagsException;
import dev.usher.flags.support.WithServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a program in Java writes, without a word of Kotlin. */
class JavaUsesItTest extends WithServer {
    @Test
    void aProgramInJavaReadsAndListens() throws Exception {
        FlagContext context = FlagContext.of("u-1").at("wembley-stadium").with("visits", 3).with("ticket.kind", "season");
        Builder builder = UsherFlags.builder(getServer().getUrl(), getServer().getKey())
            .context(context)
            .cacheDir(Path.of("target", "cache"))
            .appVersion("3.2.0")
            .sendEvery(Duration.ofSeconds(30));
        BlockingQueue<Set<String>> changes = new LinkedBlockingQueue<>();
        BlockingQueue<Status> statuses = new LinkedBlockingQueue<>();
        try (UsherFlags flags = builder.build();
                Subscription changed = flags.onChange(changes::add);
                Subscription stands = flags.onStatus(statuses::add)) {
            assertTrue(flags.awaitLive(Duration.ofSeconds(45)));
            assertTrue(flags.getBoolean("resale-guard", false));
            assertEquals(4, flags.getInteger("seat-limit", 0));
            assertEquals(2.5, flags.getFloat("fee", 0));
            assertEquals("none", flags.getString("no-such-flag", "none"));
            Details<Boolean> details = flags.getBooleanDetails("resale-guard", false);
            assertTrue(details.getValue());
            assertEquals(FlagSource.SERVER, details.getSource());
            assertTrue(details.getAge().toSeconds() < 60);
            getServer().act("kill", "resale-guard");
            for (Set<String> flagsChanged; !(flagsChanged = changes.poll(45, TimeUnit.SECONDS)).equals(Set.of("resale-guard")); ) {
                assertTrue(flagsChanged.size() > 1, "all of them, at first");
            }
            assertTrue(!flags.getBoolean("resale-guard", true));
            assertEquals(ConnectionState.LIVE, statuses.poll(45, TimeUnit.SECONDS).getState());
            flags.track("scan-seconds", 0.4);
            flags.setContext(FlagContext.ANONYMOUS.at("anfield"));
            assertThrows(FlagsException.class, () -> flags.setContext(context.withJson("device", "{")));
        }
    }
}
