import HeroRandom

extension SeededGenerator {
    /// True with a probability of one in `count`.
    mutating func oneIn(_ count: Int) -> Bool { number(below: count) == 0 }

    /// One element of a list that is not empty.
    mutating func pick<Element>(_ list: [Element]) -> Element { list[number(below: list.count)] }

    /// Up to `most` different elements of a list, sorted.
    mutating func some<Element: Hashable & Comparable>(
        _ most: Int,
        of list: some RandomAccessCollection<Element>
    ) -> [Element] {
        guard !list.isEmpty else { return [] }
        let count = number(0...most)
        return Set((0..<count).map { _ in list[list.index(list.startIndex, offsetBy: number(below: list.count))] })
            .sorted()
    }

    /// The list in a random order.
    mutating func shuffled<Element>(_ list: [Element]) -> [Element] { list.shuffled(using: &self) }
}
