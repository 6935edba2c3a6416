/// Effects that wait to be performed, oldest first.
struct EffectQueue {
    private var effects: [PendingEffect] = []
    /// The index of the oldest effect that is not performed yet.
    private var next = 0

    var isEmpty: Bool { next == effects.count }

    mutating func append(_ effect: PendingEffect) { effects.append(effect) }

    /// Removes the oldest effect; nil when there is none.
    mutating func takeFirst() -> PendingEffect? {
        guard next < effects.count else {
            effects.removeAll(keepingCapacity: true)
            next = 0
            return nil
        }
        defer { next += 1 }
        return effects[next]
    }

    /// Removes the oldest effect that meets a condition; the effects before it stay.
    mutating func takeFirst(where condition: (PendingEffect) -> Bool) -> PendingEffect? {
        effects.removeFirst(next)
        next = 0
        guard let index = effects.firstIndex(where: condition) else { return nil }
        return effects.remove(at: index)
    }
}
