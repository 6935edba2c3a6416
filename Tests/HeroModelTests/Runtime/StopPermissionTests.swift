import HeroModel
import Testing

@Suite("The permission to stop a holder")
struct StopPermissionTests {
    @Test("A singleton allows to stop only its instances, and kill_others every holder", arguments: 0..<8)
    func granted(_ bits: Int) {
        let (isSingleton, killsOthers, isInstance) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)
        let expected: StopPermission? = isSingleton && isInstance ? .singleton : killsOthers ? .killOthers : nil
        #expect(
            StopPermission.granted(isSingleton: isSingleton, killsOthers: killsOthers, isInstance: isInstance)
                == expected
        )
    }
}
