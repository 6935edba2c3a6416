import HeroSchedule

/// Numbers that look random and follow from one number: SplitMix64 (Steele, Lea, Flood 2014).
struct SeededGenerator {
    private var state: UInt64

    init(_ number: UInt64) {
        state = number
    }

    /// The next 64 bits.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0, less than this one; 0 where there is none.
    mutating func below(_ count: Int) -> Int {
        count > 0 ? Int(next() % UInt64(count)) : 0
    }

    /// One of them.
    mutating func pick<Item>(_ items: [Item], or standard: Item) -> Item {
        items.isEmpty ? standard : items[below(items.count)]
    }
}
