import HeroModel
import HeroPlan

extension Change {
    /// The text of the event about an update: what of it takes effect only when the program is started again.
    var updateText: String {
        let later = fields.filter { $0.cost == .nextStart }.map(\.path)
        guard !later.isEmpty else { return "updated in place" }
        let verb = later.count == 1 ? "takes" : "take"
        return "updated; \(later.joined(separator: ", ")) \(verb) effect at the next start"
    }
}
