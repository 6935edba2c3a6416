import HeroModel
import Testing

@Suite("FileDescriptorBudget")
struct FileDescriptorBudgetTests {
    @Test(
        "A use of file descriptors is allowed only above its reserve (RX-1)",
        arguments: [
            (.onlyClient, 2), (.restart, 8), (.firstStart, 16), (.recovery, 24), (.furtherClient, 32),
        ] as [(FileDescriptorBudget.Use, Int)]
    )
    func allows(use: FileDescriptorBudget.Use, reserve: Int) {
        #expect(FileDescriptorBudget.reserve(for: use) == reserve)
        #expect(!FileDescriptorBudget.allows(use, available: 0))
        #expect(!FileDescriptorBudget.allows(use, available: reserve))
        #expect(FileDescriptorBudget.allows(use, available: reserve + 1))
        #expect(FileDescriptorBudget.allows(use, available: .max))
    }

    @Test(
        "Restarts need fewer free descriptors than first starts, recovery and clients (RX-1)"
    )
    func order() {
        let order: [FileDescriptorBudget.Use] = [.onlyClient, .restart, .firstStart, .recovery, .furtherClient]
        #expect(order.map(FileDescriptorBudget.reserve).sorted() == order.map(FileDescriptorBudget.reserve))
        #expect(Set(order) == Set(FileDescriptorBudget.Use.allCases))
    }
}
