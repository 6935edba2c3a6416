internal import HeroModel

/// The name of a signal as a manifest writes it.
struct SignalName: Hashable {
    /// The name without `SIG`.
    var name: String

    /// Parses a name with or without `SIG` in any case, or a number.
    init?(_ text: String) {
        let upper = text.uppercased()
        if let signal = Signal(name: upper), Self.isNamed(signal) {
            name = signal.description
        } else if let number = text.wholeNumber, (1...64).contains(number) {
            let signal = Signal(number: Int32(number))
            guard Self.isNamed(signal) else { return nil }
            name = signal.description
        } else {
            return nil
        }
    }

    private static func isNamed(_ signal: Signal) -> Bool {
        signal.description.first?.isLetter == true
    }
}
