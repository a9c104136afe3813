export { close } from "./close.js";
export {
  allGather,
  allReduce,
  barrier,
  broadcast,
  type ReduceOperation,
  startAllReduce,
  type Work,
} from "./collectives.js";
export type { CudaBackend } from "./cuda-backend.js";
export { environment, type ProcessEnvironment, type Variables } from "./environment.js";
export {
  collectivesInFlight,
  collectivesIssued,
  type InitOptions,
  init,
  isInitialized,
  leave,
  members,
  place,
  rank,
  worldSize,
} from "./group.js";
export { freePort, launchVariables } from "./launch.js";
export type { Member } from "./member.js";
export { allGatherObjects, broadcastObject } from "./objects.js";
export { ownRows, type Rows } from "./own-rows.js";
export { RowExchange, type RowLike } from "./row-exchange.js";
export { encodeOwnRows, encodeRows, gatherRows } from "./rows.js";
export { gpuOf, threadsOf } from "./share-machine.js";
export { broadcastTensors, copyFromFirst } from "./tensors.js";
