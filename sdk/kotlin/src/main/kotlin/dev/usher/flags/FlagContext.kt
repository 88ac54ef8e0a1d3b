package dev.usher.flags

import dev.usher.flags.ffi.AttributeValue

/**
 * Who asks, where, and with what attributes. Never changes: each call gives another one.
 *
 * ```
 * FlagContext.of("u-17").at("wembley-stadium").with("ticket.kind", "season")
 * ```
 *
 * @property targetingKey the person or device that is asked about. Values are kept on disk for each: keep it the same over
 *   updates of the app and of other attributes
 * @property venue the key of the venue; without it that of the client
 */
public class FlagContext private constructor(
    public val targetingKey: String?,
    public val venue: String?,
    internal val attributes: Map<String, AttributeValue>,
) {
    /** At this venue. */
    public fun at(venue: String): FlagContext = FlagContext(targetingKey, venue, attributes)

    /** With an attribute that is true or false. */
    public fun with(name: String, value: Boolean): FlagContext = plus(name, AttributeValue.Boolean(value))

    /** With an attribute that is a whole number. */
    public fun with(name: String, value: Long): FlagContext = plus(name, AttributeValue.Integer(value))

    /** With an attribute that is a whole number. */
    public fun with(name: String, value: Int): FlagContext = with(name, value.toLong())

    /** With an attribute that is a number; what is not finite is left out. */
    public fun with(name: String, value: Double): FlagContext = plus(name, AttributeValue.Number(value))

    /** With an attribute that is a text: a name, a version, a time as RFC 3339. */
    public fun with(name: String, value: String): FlagContext = plus(name, AttributeValue.Text(value))

    /** With an attribute that is several texts. */
    public fun with(name: String, values: Collection<String>): FlagContext =
        plus(name, AttributeValue.Texts(values.toList()))

    /** With an attribute that is anything else, as JSON. An object's fields become attributes with dotted names. */
    public fun withJson(name: String, json: String): FlagContext = plus(name, AttributeValue.Json(json))

    internal fun plus(name: String, value: AttributeValue): FlagContext =
        FlagContext(targetingKey, venue, attributes + (name to value))

    internal fun orAt(venue: String?): FlagContext = if (this.venue == null && venue != null) at(venue) else this

    internal fun toNative() = dev.usher.flags.ffi.FlagContext(targetingKey, venue, attributes)

    override fun equals(other: Any?): Boolean = other is FlagContext && other.toNative() == toNative()

    override fun hashCode(): Int = toNative().hashCode()

    /** Not what it is, which may be about a person. */
    override fun toString(): String = "FlagContext(venue=$venue, ${attributes.size} attributes)"

    public companion object {
        /** Nobody in particular. */
        @JvmField
        public val ANONYMOUS: FlagContext = FlagContext(null, null, emptyMap())

        /** A person or device. */
        @JvmStatic
        public fun of(targetingKey: String): FlagContext = FlagContext(targetingKey, null, emptyMap())
    }
}
