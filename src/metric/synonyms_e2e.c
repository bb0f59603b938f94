/* synonyms_e2e.c -- see synonyms_e2e.h; synonyms.h says what @ and ~ mean. */
#include "metric/synonyms_e2e.h"

#include <stddef.h>

const synonyms_row synonyms_e2e[] = {
    {"familyFriendly", "yes",
     "family|kid|child|toddler|all ages|every age|any age|young ones|little ones|youngsters"},
    {"familyFriendly", "no",
     "adult|grown up|grownup|mature|kids at home|children at home|18 and over|over 18|"
     "family unfriendly|kid unfriendly|child unfriendly|unfriendly to children|"
     "unfriendly to families"},

    {"eatType", "coffee shop",
     "coffee shop|coffeeshop|cafe|coffee house|coffeehouse|coffee bar|coffee place"},
    {"eatType", "pub",
     "pub|tavern|~bar"},
    {"eatType", "restaurant",
     "~restaurant|~eatery|~diner|~bistro|~place to eat"},

    {"food", "Chinese",
     "Chinese|China|dim sum"},
    {"food", "English",
     "English|British|fish and chips"},
    {"food", "Fast food",
     "fast food|fastfood|burger|hamburger|fries|quick food"},
    {"food", "French",
     "French|France"},
    {"food", "Indian",
     "Indian|India|curry"},
    {"food", "Italian",
     "Italian|Italy|pasta|pizza|spaghetti"},
    {"food", "Japanese",
     "Japanese|Japan|sushi"},

    {"area", "city centre",
     "city centre|city center|centre city|center city|city central|inner city|in city|in centre|"
     "in center|centre of city|center of city|heart of city|middle of city|town centre|town center|"
     "centre of town|center of town|central|centrally|downtown"},
    {"area", "riverside",
     "riverside|river side|river|riverbank|riverfront|waterfront|waterside"},

    {"priceRange", "@",
     "price|priced|pricing|range|cost|costing"},
    {"priceRange", "cheap|less than £20",
     "cheap|cheaply|inexpensive|affordable|affordably|budget|economical|bargain|low cost|"
     "not expensive|@low|@lower|@lowest|@bottom|@reasonable|@reasonably|@fair|@fairly|@good|@great"},
    {"priceRange", "moderate|£20-25",
     "moderately priced|mid range|midrange|mid ranged|mid priced|affordable|affordably|"
     "not too expensive|@moderate|@moderately|@average|@averagely|@medium|@mid|@middle|@reasonable|"
     "@reasonably|@fair|@fairly|@decent|@decently|@good|@modest|@modestly|@normal|@standard|"
     "@intermediate"},
    {"priceRange", "high|more than £30",
     "expensive|costly|upscale|pricey|high end|high class|luxury|luxurious|upmarket|dear|fancy|"
     "not cheap|@high|@higher|@highly|@above average|@upper|@premium|@steep|@high level|@top|@hefty"},

    {"customer rating", "@",
     "rating|rated|review|reviewed|customer|consumer|score|scored|scoring|satisfaction|ranking|"
     "ranked|rank|star|reputation|feedback|approval|regarded|reviewer"},
    {"customer rating", "low|1 out of 5",
     "unpopular|@low|@lower|@lowly|@lowest|@poor|@poorly|@bad|@badly|@terrible|@negative|@mediocre|"
     "@unsatisfactory|@unfavourable|@unfavorable|@dissatisfied|@below average|@lower than average|"
     "@less than average|@not good|@not great|@not well|@not high|@not highly"},
    {"customer rating", "average|3 out of 5",
     "@average|@averagely|@moderate|@moderately|@medium|@mid|@middle|@decent|@decently|@mediocre|"
     "@ok|@okay|@fair|@fairly|@reasonable|@reasonably|@satisfactory|@mixed|@standard|@middling|"
     "@normal|@adequate"},
    {"customer rating", "high|5 out of 5",
     "@high|@higher|@highly|@highest|@excellent|@great|@good|@well|@top|@best|@superb|@outstanding|"
     "@perfect|@fantastic|@positive|@exceptional|@amazing|@favourable|@favorable|@strong|@full|"
     "@superior|@above average|@satisfied|@happy"},
    {"customer rating", "low", "1 out of 5"},
    {"customer rating", "average", "3 out of 5"},
    {"customer rating", "high", "5 out of 5"},
    {NULL, NULL, NULL},
};
