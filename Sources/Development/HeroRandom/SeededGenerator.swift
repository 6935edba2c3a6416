/// A pseudo-random number generator whose whole stream follows from its seed: SplitMix64 (Steele, Lea, Flood 2014).
///
/// Not for secrets: the stream is predictable.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Creates the generator of a seed.
    public init(_ seed: UInt64) {
        state = seed
    }

    /// Returns the next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to `bound - 1`; 0 if the bound is not positive.
    public mutating func number(below bound: Int) -> Int {
        bound > 0 ? Int(next() % UInt64(bound)) : 0
    }

    /// Returns a number of a range.
    public mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    /// Returns a duration between two numbers of milliseconds.
    public mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(number(range))
    }

    /// Returns true with a probability in percent.
    public mutating func chance(_ percent: Int) -> Bool {
        Int(next() % 100) < percent
    }

    /// Returns one of the items; the fallback if there is none.
    public mutating func pick<Item>(_ items: [Item], or fallback: Item) -> Item {
        items.isEmpty ? fallback : items[number(below: items.count)]
    }
}
