/// A list without duplicates: searched linearly while it is short, with a hash table when it is long.
struct OrderedSet<Item: Hashable> {
    /// The items, in order of insertion.
    private(set) var items: [Item] = []
    private var seen: Set<Item> = []

    /// Creates an empty list with a capacity.
    init(capacity: Int = 0) { items.reserveCapacity(capacity) }

    /// Adds an item; returns false if the list already contains it.
    mutating func append(_ item: Item) -> Bool {
        if items.count < 16 {
            if items.contains(item) { return false }
        } else {
            if seen.isEmpty { seen.formUnion(items) }
            if !seen.insert(item).inserted { return false }
        }
        items.append(item)
        return true
    }
}
